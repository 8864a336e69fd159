"""What the pages of the app share: controls, cached views, the watchlist. The only package here that imports streamlit."""
