"""Noise in whole numbers, drawn exactly: the discrete Laplace and the discrete Gaussian law.

P(z) is proportional to exp(-|z| / scale), or to exp(-z^2 / (2 scale^2)). Only whole numbers of any
size are added, multiplied and compared with uniformly drawn ones: no logarithm, no rounding, no
fraction in floating point, so there is nothing that such arithmetic could give away. The bits are
the operating system's; there is no seed.

Source: Canonne, Kamath, Steinke (2020), The discrete Gaussian for differential privacy, algorithms
1 to 3. Why this is not a library's: `docs/decisions/0014-exact-noise.md`.
"""

import math
import secrets
from fractions import Fraction

from .statement import Refused
from .tables import Mechanism, Privacy

_BITS = secrets.SystemRandom().getrandbits


class Noise:
    """Noise of a law and scale. The scale is taken as it is, to its last binary digit.

    Raises `Refused` if there is no such law, or no scale above 0.
    """

    def __init__(self, mechanism: Mechanism, scale: float) -> None:
        if mechanism == "none" or not 0 < scale < float("inf"):
            raise Refused("privacy.scale", "Noise has a mechanism and a scale above 0.")
        self._draw = _laplace if mechanism == "discrete_laplace" else _gaussian
        self._scale = Fraction(scale)

    @classmethod
    def of(cls, privacy: Privacy) -> "Noise":
        """The noise that a statement declares."""
        return cls(privacy.mechanism, privacy.scale)

    def reached(self, chance: float) -> int:
        """What noise alone reaches with this chance at the most (by Chernoff's bound)."""
        size = math.log(1 / chance)
        laplace = self._draw is _laplace
        return math.ceil(float(self._scale) * (size if laplace else math.sqrt(2 * size)))

    def draw(self, unit: int = 1) -> int:
        """One draw, whose scale is `unit` times as large."""
        scale = self._scale * unit
        return self._draw(scale.numerator, scale.denominator)


def _laplace(over: int, under: int) -> int:
    """One draw of scale over / under."""
    while True:
        part = _below(over)
        if not _happens(part, over):
            continue
        whole = 0
        while _happens(1, 1):
            whole += 1
        size, negative = (part + over * whole) // under, _BITS(1)
        if size or not negative:  # 0 has no sign, so one of its two ways is drawn again
            return -size if negative else size


def _gaussian(over: int, under: int) -> int:
    """One draw of sigma over / under: a Laplace one, kept the more often the better it fits."""
    scale = over // under + 1
    least, all_of = under**2 * scale, 2 * (over * under * scale) ** 2
    while True:
        drawn = _laplace(scale, 1)
        if _happens((abs(drawn) * least - over**2) ** 2, all_of):
            return drawn


def _happens(over: int, under: int) -> bool:
    """True with probability exp(-over / under)."""
    while over > under:
        if not _happens(1, 1):
            return False
        over -= under
    tries = 1
    while _below(under * tries) < over:
        tries += 1
    return tries % 2 == 1


def _below(limit: int) -> int:
    """A whole number from 0 to limit - 1, each as likely as any other."""
    bits = (limit - 1).bit_length()
    drawn = _BITS(bits)
    while drawn >= limit:
        drawn = _BITS(bits)
    return drawn
