"""Near-duplicates: copies of images that were encoded, cropped, mirrored or brightened anew."""
