#!/bin/sh
echo "$# $1 $(pwd)"
