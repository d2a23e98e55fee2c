"""A prediction on two workers, to be interrupted while they start. Arguments: scene, map."""

import sys

from slow import CLASSES

from geoloom.inference.predict import predict
from geoloom.testing.predictors import CodePredictor

if __name__ == "__main__":
    import distributed  # noqa: F401 - slow: what follows is the start of the workers

    sys.stdout.write("starting\n")
    sys.stdout.flush()
    try:
        predict(CodePredictor(CLASSES), sys.argv[1], sys.argv[2], engine="dask")
    except KeyboardInterrupt:
        sys.exit(130)
