"""Raw texts from files of any kind. The way in is `read.read_documents`."""
