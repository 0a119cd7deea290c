"""The rooms of the client's API beside sending and reading: each turns what is asked into commands of a turn."""
