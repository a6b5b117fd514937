"""The page: what a visitor sees in the browser, made of HTML of our own inside Gradio."""
