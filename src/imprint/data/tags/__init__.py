"""Tags of pictures: what names them, their files, and words for colour and texture."""
