"""The words of the vocabulary, as a file that can be read and extended."""
