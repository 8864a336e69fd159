"""What the pages of the app share: sidebar, cached views, watchlist. The only package that imports streamlit."""
