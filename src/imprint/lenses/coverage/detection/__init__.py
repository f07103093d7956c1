"""Quality of detections beside the objects that are there, and blocks of a detector."""
