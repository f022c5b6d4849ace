"""The only import of Streamlit outside app.py and pages/: caches, inputs, the token strip."""
