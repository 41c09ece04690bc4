"""What any course of notebooks needs: pictures, sliders, guesses, exercises, the site."""
