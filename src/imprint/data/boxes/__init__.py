"""Boxes of objects, and what lies beside them: checks, VOC files, background crops."""
