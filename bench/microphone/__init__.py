"""Howling detectors side by side: the corpus, the published detectors, the table and the plots."""
