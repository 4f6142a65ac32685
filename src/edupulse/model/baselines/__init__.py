"""What the network has to beat: the rules of practice, a line, trees. Import each by its file."""
