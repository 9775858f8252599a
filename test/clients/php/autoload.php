<?php

// Con Composer esto es vendor/autoload.php. Aquí Guzzle es el del sistema, y el
// cliente está donde lo dejó el generador.
require is_file(__DIR__ . '/vendor/autoload.php') ? __DIR__ . '/vendor/autoload.php' : 'GuzzleHttp/autoload.php';

spl_autoload_register(static function (string $clase): void {
    if (str_starts_with($clase, 'Pasarela\\Cliente\\')) {
        require __DIR__ . '/cliente/lib/' . strtr(substr($clase, strlen('Pasarela\\Cliente\\')), '\\', '/') . '.php';
    }
});
