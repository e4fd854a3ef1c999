"""Secrets of all kinds, as they look; none of them ever opened anything.

They are put together when they are asked for, so that nobody who searches these files finds any.
"""

from __future__ import annotations

import base64
import random
import string

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits


def some(length: int, of: str = LETTERS) -> str:
    """Characters that are the same each time, a digit and a letter among them."""
    return "a1" + "".join(random.Random(length).choices(of, k=length - 2))


def upper(length: int) -> str:
    return some(length, UPPER).upper()


def hexed(length: int) -> str:
    return some(length, HEX)


def key(kind: str) -> str:
    """The first line of a private key."""
    return (
        "-----BEGIN "
        + kind
        + "PRIVATE"
        + " KEY"
        + ("" if "PGP" not in kind else " BLOCK")
        + "-----"
    )


def every() -> dict[str, str]:
    """A line with a secret, by its kind."""
    word = some(20)
    encoded = base64.b64encode(b"me:" + some(24).encode()).decode()
    return {
        "rsa key": key("RSA "),
        "ec key": key("EC "),
        "dsa key": key("DSA "),
        "openssh key": key("OPENSSH "),
        "pkcs8 key": key(""),
        "encrypted key": key("ENCRYPTED "),
        "pgp key": key("PGP "),
        "putty key": "PuTTY-User" + "-Key-File-3: ssh-ed25519",
        "age key": "AGE-SECRET" + "-KEY-1" + upper(58),
        "aws": "AKIA" + upper(16),
        "aws session": "ASIA" + upper(16),
        "aws secret": "aws_secret" + "_access_key = " + some(40),
        "github": "ghp_" + some(36),
        "github app": "ghs_" + some(36),
        "github fine-grained": "github_" + "pat_" + some(22) + "_" + some(59),
        "gitlab": "glpat" + "-" + some(20),
        "gitlab runner": "glrt" + "-" + some(20),
        "slack": "xoxb" + "-123456789012-" + some(24),
        "slack app": "xapp" + "-1-A0B1C2-" + some(30),
        "slack hook": "https://hooks.slack" + ".com/services/T0AB12CD3/B0AB12CD3/" + some(24),
        "google": "AIza" + some(35),
        "google client": "GOCSPX" + "-" + some(28),
        "google access": "ya29" + "." + some(60),
        "stripe": "sk_" + "live_" + some(24),
        "stripe restricted": "rk_" + "live_" + some(24),
        "stripe hook": "whsec" + "_" + some(32),
        "openai": "sk-" + some(48),
        "openai project": "sk-" + "proj-" + some(64),
        "anthropic": "sk-" + "ant-api03-" + some(90),
        "hugging face": "hf_" + some(34),
        "groq": "gsk_" + some(52),
        "replicate": "r8_" + some(37),
        "perplexity": "pplx" + "-" + some(48),
        "xai": "xai" + "-" + some(80),
        "npm": "npm_" + some(36),
        "pypi": "pypi-" + "AgEIcHlwaS5vcmc" + some(70),
        "rubygems": "rubygems" + "_" + hexed(48),
        "docker hub": "dckr" + "_pat_" + some(27),
        "docker config": '{"auths": {"hub": {"' + 'auth": "' + encoded + '"}}}',
        "kube config": "    client-key" + "-data: " + some(80),
        "azure storage": "DefaultEndpointsProtocol=https;Account" + "Key=" + some(86) + "==",
        "azure bus": "SharedAccess" + "Key=" + some(43) + "=",
        "azure client": "secret: " + some(3) + "8Q~" + some(32),
        "azure sas": "https://x.blob.core.windows.net/c?sv=2026&" + "sig=" + some(43) + "%3D",
        "jwt": "eyJ" + some(30) + ".eyJ" + some(60) + "." + some(43),
        "sendgrid": "SG" + "." + some(22) + "." + some(43),
        "twilio": "SK" + hexed(32),
        "telegram": "1234567890" + ":AA" + some(33),
        "digitalocean": "dop" + "_v1_" + hexed(64),
        "databricks": "dapi" + hexed(32),
        "shopify": "shpat" + "_" + hexed(32),
        "square": "sq0" + "atp-" + some(22),
        "linear": "lin_" + "api_" + some(40),
        "notion": "ntn" + "_" + some(46),
        "atlassian": "ATATT3" + some(120),
        "vault": "hvs" + "." + some(90),
        "new relic": "NRAK" + "-" + upper(27),
        "grafana": "glsa" + "_" + some(32) + "_" + hexed(8),
        "supabase": "sbp" + "_" + hexed(40),
        "tailscale": "tskey" + "-auth-" + some(12) + "-" + some(32),
        "sentry": "sntrys" + "_" + some(80),
        "netrc": "machine example.com login me pass" + "word " + word,
        "address of a database": "postgresql://me:" + word + "@db.example.com/x",
        "address of a repository": "https://oauth2:" + word + "@example.com/x.git",
        "dotenv": "DB_PASS" + "WORD=" + word,
        "dotenv, quoted": "export SERVICE_API" + "_KEY='" + word + "'",
    }


HARMLESS = (
    "https://user:password@example.com is where it would stand",
    "https://user:<token>@example.com https://user:$TOKEN@example.com https://u:***@example.com",
    "git@github.com:someone/something.git ssh://git@example.com:22/x",
    "https://example.com/@scope/name http://localhost:8080/@x http://[::1]:80/",
    "TOKENIZER=bert-base-uncased-v2",
    "EOS_TOKEN=<|endoftext|>",
    "MAX_TOKENS=4096",
    "API_KEY=${API_KEY}",
    "SECRET=/run/secrets/db1",
    "TOKEN=your-token-here",
    "PASSWORD=",
    "sk-learn sk-" + "a" * 20,
    "sha256:" + "0123456789abcdef" * 4,
    "a" * 40 + " " + "SKLEARN" * 9,
    "eyJhbGciOiJIUzI1NiJ9 alone",
    "-----BEGIN PUBLIC" + " KEY-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "b" * 40,
    '"author": "somebody", "auth": ""',
    "password machine login",
    "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA" * 8,
)
