"""How the keys of other programs' configurations become ours."""
