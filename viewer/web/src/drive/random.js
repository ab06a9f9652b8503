// Random numbers that a seed determines on every machine: sfc32 (PractRand), one stream for each
// purpose, so that no slider shifts what another stream draws.

// A function that gives uniform numbers in [0, 1), 32 bits each.
export function uniforms(seed, stream) {
  let [a, b, c, counter] = [seed >>> 0, stream >>> 0, 0x9e3779b9, 1];
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) next();
  return () => next() / 4294967296;
}

// A function that gives normal numbers, from two uniform ones each (Box and Muller 1958).
export function normals(uniform) {
  return () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  };
}
