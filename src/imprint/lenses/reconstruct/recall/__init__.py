"""What samples of a target encoder recall of the originals that those of a reference do not."""
