// What "Probar" sends: what its reader has written or can see, and nothing else.

// Parameters that only an answer can give are those that the contract's links take from one.
const DE_RESPUESTA = "$response.body#/";
const CLAVE = "Idempotency-Key";
const MUCHO = 50_000; // characters

// uuid is random (RFC 9562 §5.4); crypto.randomUUID is missing where a page came without TLS.
const uuid = () => {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = b[6] & 0x0f | 0x40;
  b[8] = b[8] & 0x3f | 0x80;
  return [...b].map((x, i) => ([4, 6, 8, 10].includes(i) ? "-" : "") + x.toString(16).padStart(2, "0")).join("");
};

const vacio = (x) => x === undefined || x === null || x === "" || x.length === 0;

// sigue returns what the links of an answer take from its body, by the parameter's name.
const sigue = (spec, path, method, res) => {
  const objeto = (x) => (x?.$ref ? x.$ref.slice(2).split("/").reduce((y, clave) => y[clave], spec) : x);
  const enlaces = Object.values(objeto(spec.paths[path]?.[method]?.responses?.[res.status])?.links ?? {}).map(objeto);
  return enlaces.flatMap((e) => Object.entries(e.parameters ?? {}))
    .filter(([, de]) => String(de).startsWith(DE_RESPUESTA))
    .map(([nombre, de]) => [nombre, de.slice(DE_RESPUESTA.length).split("/").reduce((x, clave) => x?.[clave], res.body)])
    .filter(([, valor]) => !vacio(valor));
};

// deRespuestas returns the names of the parameters that any link of the contract takes from a body.
const deRespuestas = (spec) => {
  const nombres = new Set();
  const busca = (x) => {
    if (typeof x !== "object" || x === null) return;
    for (const e of Object.values(x.links ?? {})) {
      for (const [nombre, de] of Object.entries(e.parameters ?? {})) {
        if (String(de).startsWith(DE_RESPUESTA)) nombres.add(nombre);
      }
    }
    Object.values(x).forEach(busca);
  };
  busca({ paths: spec.paths, components: spec.components });
  return nombres;
};

// probar is a plugin. Swagger UI writes every parameter's example into the request;
// here an optional parameter begins empty, a required one has its example, and one
// that an answer gives has that of the last answer.
export const probar = (system) => {
  const { React } = system;
  const crea = React.createElement;
  const ultimos = new Map(); // by parameter, what the last answer gave
  const puestos = new Map(); // by operation and parameter, what was offered there
  let spec = {};
  let porRespuesta = new Set();

  const propone = (fila, ejemplo) => {
    const { rawParam, pathMethod, specSelectors } = fila.props;
    if (!rawParam.get("required")) return;
    const nombre = rawParam.get("name");
    if (!porRespuesta.has(nombre)) {
      ejemplo();
      return;
    }
    const campo = [...pathMethod, nombre].join(" ");
    const [valor, antes] = [ultimos.get(nombre), puestos.get(campo)];
    if (valor === undefined || valor === antes) return;
    puestos.set(campo, valor);
    const escrito = specSelectors.parameterWithMetaByIdentity(pathMethod, rawParam)?.get("value");
    if (vacio(escrito) || escrito === antes) fila.onChangeWrapper(valor); // the reader's own stays
  };

  const muestra = (parametro) => {
    if (parametro.get("name") === CLAVE) return "Vacía: una nueva en cada envío";
    const ejemplo = parametro.get("example");
    return vacio(ejemplo) || typeof ejemplo === "object" ? undefined : `p. ej. ${ejemplo}`;
  };
  const Muestra = React.createContext(undefined);

  // Of what the library finds in parameters only this holds a request back: the gateway says the rest better, and in Spanish.
  const faltantes = (hallados) => hallados.filter((x) => x.endsWith("Required field is not provided."));

  return {
    statePlugins: {
      spec: {
        wrapSelectors: {
          validationErrors: (halla) => (_estado, ...que) => faltantes(halla(...que)),
          validateBeforeExecute: (_, { specSelectors }) => (_estado, donde) => specSelectors.validationErrors(donde).length === 0,
        },
        wrapActions: {
          updateJsonSpec: (hace) => (json) => {
            [spec, porRespuesta] = [json, deRespuestas(json)];
            return hace(json);
          },
          executeRequest: (hace) => (peticion) => {
            const escritos = Object.fromEntries(Object.entries(peticion.parameters).filter(([, valor]) => !vacio(valor)));
            if (peticion.operation.get("parameters")?.some((p) => p.get("name") === CLAVE)) escritos[`header.${CLAVE}`] ??= uuid();
            return hace({ ...peticion, parameters: escritos });
          },
          setResponse: (hace) => (path, method, dado) => {
            const res = dado.err?.response ?? dado; // an error of HTTP is an answer; its status says all that its name would
            for (const [nombre, valor] of sigue(spec, path, method, res)) ultimos.set(nombre, String(valor));
            return hace(path, method, res);
          },
        },
      },
    },
    wrapComponents: {
      parameterRow: (Original) => class extends Original {
        constructor(props, contexto) {
          super({ ...props, onChange: () => {} }, contexto); // which writes the example
          this.props = props;
          const ejemplo = this.setDefaultValue;
          this.setDefaultValue = () => propone(this, ejemplo);
          this.setDefaultValue();
        }

        render() {
          return crea(Muestra.Provider, { value: muestra(this.props.rawParam) }, super.render());
        }
      },
      JsonSchemaForm: (Original) => (props) => crea(Original, { ...props, description: React.useContext(Muestra) ?? props.description }),
      // The library paints every status alike.
      liveResponse: (Original) => (props) => {
        const status = props.response.get("status");
        return crea("div", { className: status >= 200 && status < 400 ? "bien" : "mal" }, crea(Original, props));
      },
      // Colours for 900 KB, as the contract is, hold the browser for minutes.
      SyntaxHighlighter: (Original) => (props) => (String(props.children).length > MUCHO
        ? crea("pre", { className: "microlight" }, props.children) : crea(Original, props)),
      // What may be answered besides success is a line each until it is opened, and so are headers: whole, an operation was 9,000 pixels high.
      headers: (Original) => (props) => (props.headers?.size
        ? crea("details", { className: "encabezados" }, crea("summary", null, "Encabezados"), crea(Original, props)) : null),
      response: (Original) => (props) => {
        const [abierta, abre] = React.useState(/^20[0-4]$/.test(props.code));
        if (abierta) return crea(Original, props);
        return crea("tr", { className: "response plegada" },
          crea("td", { className: "response-col_status" }, props.code),
          crea("td", { className: "response-col_description" },
            crea("button", { type: "button", "aria-expanded": false, onClick: () => abre(true) },
              crea(system.getComponent("Markdown", true), { source: props.response.get("description") }))));
      },
    },
  };
};
