"""The cables probe."""
