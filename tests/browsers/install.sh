#!/bin/sh
# Chromium, Firefox and WebKit with what drives them, and what else tests run, from the distribution's packages. Does
# nothing where all are there.
set -eu

there() {
	command -v "$1" >/dev/null 2>&1 || ls "$1" >/dev/null 2>&1
}

missing=""
need() { # a package, and the program or file that proves it
	there "$2" || missing="$missing $1"
}

need chromium chromium
need chromium-driver chromedriver
command -v firefox >/dev/null 2>&1 || need firefox-esr firefox-esr
need webkit2gtk-driver WebKitWebDriver
need xvfb Xvfb
need libfaketime "/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1"
need gcc cc
need libc6-dev /usr/include/stdio.h
need php-cli php # the documentation's example of signed identity is run
need fonts-dejavu-core /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf

[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "The tests need real browsers. Install what these Debian packages hold:$missing" >&2
	exit 1
fi
if [ "$(id -u)" = 0 ]; then
	as_root=""
elif command -v sudo >/dev/null 2>&1; then
	as_root="sudo"
else
	echo "The tests need real browsers. As root: apt-get install$missing" >&2
	exit 1
fi

echo "Installing$missing"
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
