"""The full screen of a terminal (Textual): conversations, timeline, composer, and the pages that open over them."""
