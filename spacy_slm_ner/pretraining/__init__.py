"""Entity-extraction chats out of labelled sentences, for training a small base from nothing."""
