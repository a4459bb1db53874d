#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# suite_system.sh with what it needs: bookworm's udev, and our rule for it.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
udev=$("$here/fetch-udev.sh")
"$here/kmod.sh" -n bookworm "$here/suite_system.sh" "$here/../../kmod/60-muser.rules" "$udev"
