"""The report's sections, each a piece of HTML. Plain text from outside is escaped where it enters."""
