"""Recall and false findings of the camera probe on scenes that were not tuned on."""
