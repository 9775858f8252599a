// ¿Este aviso es de la pasarela? El cuerpo llega por la entrada, tal como lo envió.
// Uso: verifica.exe ID HORA FIRMAS <cuerpo; el secreto, en PASARELA_SECRETO.
using System;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

static class Verifica
{
    /// <summary>cuerpo son los bytes que llegaron, sin decodificar.</summary>
    static bool EsDeLaPasarela(string secreto, string id, string hora, string firmas, byte[] cuerpo, DateTimeOffset ahora)
    {
        if (!long.TryParse(hora, out var segundos) || Math.Abs(ahora.ToUnixTimeSeconds() - segundos) > 300)
        {
            return false; // repetido por un tercero, o un reloj mal puesto
        }
        var llave = Convert.FromBase64String(secreto.Substring("whsec_".Length));
        if (llave.Length == 0)
        {
            return false; // sin secreto, cualquiera firmaría
        }
        using (var hmac = new HMACSHA256(llave))
        {
            var texto = Encoding.UTF8.GetBytes($"{id}.{hora}.").Concat(cuerpo).ToArray();
            var buena = "v1," + Convert.ToBase64String(hmac.ComputeHash(texto));
            return firmas.Split(' ').Any(firma => SonIguales(buena, firma)); // son dos mientras se cambia el secreto
        }
    }

    /// <summary>Compara sin que el tiempo diga dónde difieren; en .NET es CryptographicOperations.FixedTimeEquals.</summary>
    static bool SonIguales(string a, string b)
    {
        var diferencia = a.Length ^ b.Length;
        for (var i = 0; i < Math.Min(a.Length, b.Length); i++)
        {
            diferencia |= a[i] ^ b[i];
        }
        return diferencia == 0;
    }

    static int Main(string[] args)
    {
        var cuerpo = new MemoryStream();
        Console.OpenStandardInput().CopyTo(cuerpo);
        var secreto = Environment.GetEnvironmentVariable("PASARELA_SECRETO");
        return EsDeLaPasarela(secreto, args[0], args[1], args[2], cuerpo.ToArray(), DateTimeOffset.UtcNow) ? 0 : 1;
    }
}
