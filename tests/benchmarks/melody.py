"""A minute of music in which excerpts are searched for; played from notes, as in the notebook."""

import numpy as np

RATE = 8000

#: Minuet in G, Notebook for Anna Magdalena Bach (1725): eighths, quarters, whole measures of three.
MINUET = """
D5q G4e A4e B4e C5e D5q G4q G4q E5q C5e D5e E5e F#5e G5q G4q G4q
C5q D5e C5e B4e A4e B4q C5e B4e A4e G4e F#4q G4e A4e B4e G4e A4m
D5q G4e A4e B4e C5e D5q G4q G4q E5q C5e D5e E5e F#5e G5q G4q G4q
C5q D5e C5e B4e A4e B4q C5e B4e A4e G4e A4q B4e A4e G4e F#4e G4m
B5q G5e A5e B5e G5e A5q D5e E5e F#5e D5e G5q E5e F#5e G5e D5e C#5q B4e C#5e A4q
A4e B4e C#5e D5e E5e F#5e G5q F#5q E5q F#5q A4q C#5q D5m
D5q G4e F#4e G4q E5q G4e F#4e G4q D5q C5q B4q A4e G4e F#4e G4e A4q
D4e E4e F#4e G4e A4e B4e C5q B4q A4q B4e D5e G4q F#4q G4m
"""

_BEAT = 60 / 96
_BEATS = {"e": 0.5, "q": 1, "m": 3}
_STEPS = {"C": -9, "D": -7, "E": -5, "F": -4, "G": -2, "A": 0, "B": 2}


def minuet(seed, drum=0.25):
    """60 s at `RATE`, 16-bit; no note is played twice in the same way.

    Args:
        seed: Seed of the player's random deviations.
        drum: Fraction of the power that the drum has; the rest is a plucked string.
    """
    rng = np.random.default_rng(seed)
    strings, strokes = np.zeros((2, 60 * RATE))
    now = 0
    for name in MINUET.split():
        semitones = _STEPS[name[0]] + ("#" in name)
        seconds = _BEAT * _BEATS[name[-1]]
        _add(strings, now, _plucked(rng, 440 * 2 ** (semitones / 12 + int(name[-2]) - 4), seconds))
        now += seconds
    for eighth in range(2 * 96):
        _add(strokes, _BEAT * eighth / 2, _brushed(rng))
    sound = strings + np.sqrt(strings.var() / strokes.var() * drum / (1 - drum)) * strokes
    return np.round(0.9 * 32767 / np.abs(sound).max() * sound)


def _plucked(rng, frequency, seconds):
    t = np.arange(int(RATE * (seconds + 0.15))) / RATE
    start = max(rng.normal(0, 0.008), -0.02)
    frequency *= 2 ** (rng.normal(0, 4) / 1200)
    bent = t + 1e-4 * rng.random() * np.sin(2 * np.pi * (rng.uniform(4.5, 6) * t + rng.random()))
    tone = rng.normal(size=len(t)) * np.exp(-t / 0.03)
    for k in range(1, int(0.47 * RATE / frequency) + 1):
        level = rng.lognormal(0, 0.3) / k**0.7 * np.exp(-(1 + 0.15 * k) * t)
        tone += level * np.sin(2 * np.pi * (k * frequency * bent + rng.random()))
    edges = np.minimum(1, t / 0.003) * np.minimum(1, (t[-1] - t) / 0.1)
    return start, rng.lognormal(0, 0.15) * edges * tone


def _brushed(rng):
    t = np.arange(int(RATE * 0.3)) / RATE
    start = rng.normal(0, 0.008)
    return start, rng.lognormal(0, 0.2) * rng.normal(size=len(t)) * np.exp(-t / 0.05)


def _add(track, now, played):
    late, sound = played
    first = max(int(RATE * (now + late)), 0)
    track[first : first + len(sound)] += sound[: len(track) - first]
