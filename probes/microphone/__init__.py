"""The microphone probe."""
