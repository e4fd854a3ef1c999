"""The command line: parse, one call, render. Nothing else imports click."""
