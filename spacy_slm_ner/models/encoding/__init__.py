"""States for the tokens of a Doc. The way in is `encoder.Encoder`."""
