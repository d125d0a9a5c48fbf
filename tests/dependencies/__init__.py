"""What the receiver takes from other packages beyond their documented interfaces, and in which versions."""
