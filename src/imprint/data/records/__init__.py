"""Records of any modality: images, rows of a table, embeddings, token ids."""
