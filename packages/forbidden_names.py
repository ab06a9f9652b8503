"""Names that mean something else in an ecosystem, so that no package can have them.

All names of models are lower-case identifiers of at most 31 characters, which every ecosystem takes
for a name, and none is that of a header of C, so only words with a meaning of their own are left to
forbid.
"""

from __future__ import annotations

import keyword


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


CMAKE = words(
    """all clean depend edit_cache help install package package_source preinstall rebuild_cache
    test"""
)
"""Targets of the generators."""

ARDUINO = words("arduino avr bridge eeprom ethernet firmata pgmspace servo spi wifi wire")
"""Libraries of the cores, in lower case, because some file systems do not tell case."""

ZEPHYR = words("app kernel zephyr")
"""Libraries of Zephyr's own build."""

ESP_IDF = words(
    """app_trace app_update bootloader bt cmock console cxx driver efuse esp_adc esp_event
    esp_netif esp_system esp_timer esp_wifi espcoredump fatfs freertos hal heap http_parser idf
    json log lwip main mbedtls mqtt newlib nvs_flash openthread partition_table protobuf_c
    pthread riscv sdmmc soc spi_flash spiffs tcp_transport ulp unity usb vfs wear_levelling
    wpa_supplicant xtensa"""
)
"""Components of ESP-IDF, which a component of the same name would replace."""

CARGO = words(
    """abstract alloc as async aux await become box break con const continue core crate do dyn
    else enum extern false final fn for gen if impl in let loop macro match mod move mut nul
    override prn priv proc_macro pub ref return self static std struct super test trait true try
    type typeof unsafe unsized use virtual where while yield
    com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9"""
)
"""Keywords and crates of Rust, and names that Windows reserves."""

MICROPYTHON = frozenset(keyword.kwlist) | words(
    """array asyncio binascii bluetooth btree builtins cmath collections cryptolib deflate esp
    esp32 framebuf gc hashlib heapq io json lwip machine math micropython mip neopixel network
    ntptime openamp os platform pyb random re requests rp2 select socket ssl stm struct sys
    time tls uctypes vfs webrepl zephyr zlib"""
)
"""Keywords of Python, and modules of MicroPython."""

NPM = words(
    """assert async_hooks buffer child_process cluster console constants crypto dgram
    diagnostics_channel dns domain events favicon fs http http2 https inspector module net
    node_modules os path perf_hooks process punycode querystring readline repl stream
    string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib"""
)
"""Modules of Node, which no npm package can be called."""
