"""Methods of convolution, one directory or file each; methods do not import each other."""
