"""The words that the edge agent and the control center share; imports nothing of ours but itself."""
