"""What people touch: the page, the command line, and every visible word."""
