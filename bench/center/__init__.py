"""The center under the load of many sites: what it keeps up with, how soon the board shows it, what the broker alone could deliver."""
