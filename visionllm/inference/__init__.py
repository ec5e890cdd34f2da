"""The model as users hold it: any source of images in, predictions out. Importing it loads nothing heavy."""
