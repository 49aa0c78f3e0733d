"""What a picture says of how it was made."""
