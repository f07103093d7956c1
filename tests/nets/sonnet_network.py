"""A ResNet of TensorFlow's own operations, its variables named as Sonnet names them."""

import numpy as np


def build(tensorflow, blocks, classes, seed):
    """Return a tf.Module and a function from images [b, h, w, 3] to logits [b, classes]."""
    tf, random = tensorflow, np.random.default_rng(seed)

    class Norm(tf.Module):
        def __init__(self, width):
            super().__init__()
            self.scale = tf.Variable(random.uniform(0.5, 1.5, width).astype("f"))
            self.offset = tf.Variable(random.normal(0, 0.1, width).astype("f"))
            self.moving_mean = Average(random.normal(0, 0.1, (1, 1, 1, width)))
            self.moving_variance = Average(random.uniform(0.5, 1.5, (1, 1, 1, width)))

        def __call__(self, maps):
            mean, variance = self.moving_mean.average, self.moving_variance.average
            return tf.nn.batch_normalization(maps, mean, variance, self.offset, self.scale, 1e-5)

    class Average(tf.Module):
        def __init__(self, value):
            super().__init__()
            self.average = tf.Variable(value.astype("f"))
            self._hidden = tf.Variable(np.zeros_like(value, "f"))
            self._counter = tf.Variable(7, dtype=tf.int64)

    class Convolution(tf.Module):
        def __init__(self, before, after, side, stride):
            super().__init__()
            deviation = (2 / (side * side * before)) ** 0.5
            weight = random.normal(0, deviation, (side, side, before, after))
            self.w = tf.Variable(weight.astype("f"))
            self._stride = stride
            self._margin = side // 2

        def __call__(self, maps):
            margin = [self._margin, self._margin]
            padded = tf.pad(maps, [[0, 0], margin, margin, [0, 0]])
            return tf.nn.conv2d(padded, self.w, self._stride, "VALID")

    class Block(tf.Module):
        def __init__(self, before, width, stride, projects):
            super().__init__()
            self._layers = [
                [Convolution(before, width, 1, 1), Norm(width)],
                [Convolution(width, width, 3, stride), Norm(width)],
                [Convolution(width, 4 * width, 1, 1), Norm(4 * width)],
            ]
            self._projects = projects
            if projects:
                self._proj_conv = Convolution(before, 4 * width, 1, stride)
                self._proj_batchnorm = Norm(4 * width)

        def __call__(self, maps):
            shortcut = self._proj_batchnorm(self._proj_conv(maps)) if self._projects else maps
            for number, (convolution, norm) in enumerate(self._layers):
                maps = norm(convolution(maps))
                maps = tf.nn.relu(maps) if number < 2 else maps
            return tf.nn.relu(maps + shortcut)

    class Group(tf.Module):
        def __init__(self, before, width, count, stride):
            super().__init__()
            self._blocks = [
                Block(4 * width if number else before, width, 1 if number else stride, not number)
                for number in range(count)
            ]

    class Linear(tf.Module):
        def __init__(self, before, after):
            super().__init__()
            self.w = tf.Variable(random.normal(0, 0.02, (before, after)).astype("f"))
            self.b = tf.Variable(random.normal(0, 0.1, after).astype("f"))

    class Network(tf.Module):
        def __init__(self):
            super().__init__()
            self._initial_conv = Convolution(3, 64, 7, 2)
            self._initial_batchnorm = Norm(64)
            self._block_groups = []
            before = 64
            for stage, count in enumerate(blocks):
                width = 64 * 2**stage
                self._block_groups.append(Group(before, width, count, 2 if stage else 1))
                before = 4 * width
            self._logits = Linear(before, classes)

        def __call__(self, images):
            maps = tf.nn.relu(self._initial_batchnorm(self._initial_conv(images)))
            maps = tf.nn.max_pool2d(maps, 3, 2, "SAME")
            for group in self._block_groups:
                for block in group._blocks:
                    maps = block(maps)
            return tf.reduce_mean(maps, [1, 2]) @ self._logits.w + self._logits.b

    return Network()
