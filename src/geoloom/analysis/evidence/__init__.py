"""What a report can say: everything gathered from files before any page is made."""
