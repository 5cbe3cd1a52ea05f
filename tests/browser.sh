#!/usr/bin/env bash
# Make sure that Chromium and a Chinese font are there: without the font, Chinese is boxes in every picture.
set -eu
have_font() { command -v fc-list >/dev/null && fc-list :lang=zh | grep -q .; }
if command -v chromium >/dev/null && have_font; then exit 0; fi
if ! command -v apt-get >/dev/null; then
  echo "The browser tests need chromium and a Chinese font: install both with your package manager." >&2
  exit 1
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
$sudo apt-get update -qq
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk fontconfig >/dev/null
