#!/bin/sh
# A disk image with Sealwire.app, which PyInstaller makes on macOS: run python -m scripts.package first, then this with
# the version. Neither signed nor notarised: whoever has a certificate runs codesign on the .app in between.
set -eu
version=$1
folder=$(cd "$(dirname "$0")/../.." && pwd)/dist/packages
hdiutil create -volname Sealwire -srcfolder "$folder/Sealwire.app" -ov -format UDZO "$folder/sealwire-$version.dmg"
