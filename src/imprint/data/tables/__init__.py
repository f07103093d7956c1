"""Images in columns of Arrow and Parquet files, as Hugging Face datasets keeps them."""
