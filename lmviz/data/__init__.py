"""Bundled data: passages, first views, and the weights of the models this project trained."""
