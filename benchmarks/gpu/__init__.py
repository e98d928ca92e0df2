"""What a GPU is needed for, in ten minutes; all but the device itself runs on a CPU, too."""
