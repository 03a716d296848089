/** Made-up partners, themes, campaigns and proposals: the same at every start, as large as was asked for. */
import type { FaireSimpleChoices } from './options.js';

/** A document of a feed. */
export type Item = Readonly<Record<string, unknown>>;

const towns = ['Bressuire', 'Guéret', 'Mende', 'Privas', 'Tulle', 'Vesoul', 'Laon', 'Digne-les-Bains'];
const kinds = ['Mairie', 'Centre des finances', 'Caisse d’allocations', 'Bibliothèque', 'Préfecture'];
const subjects = ['Accueil', 'Démarches en ligne', 'Écoute des usagers', 'Formulaires', 'Délais'];
const sentences = [
  'Les horaires sont affichés en ligne et tenus à jour chaque semaine.',
  'Un agent rappelle l’usager dans les deux jours ouvrés.',
  'Le formulaire « simplifié » ne demande plus que ce qui manque.',
  'Les délais de traitement sont publiés chaque mois.',
];

function pick<T>(from: readonly T[], index: number): T | undefined {
  return from[index % from.length];
}

/** The themes that partners and campaigns name. */
export function themes(): Item[] {
  return subjects.map((titre, index) => ({ id: index + 1, titre, description: pick(sentences, index) }));
}

export function makePartners({ partners, feedBytes, uidField }: FaireSimpleChoices): Map<string, Item> {
  const each = partners === 0 ? 0 : Math.floor(feedBytes / partners);
  const made = new Map<string, Item>();
  for (let index = 0; index < partners; index += 1) {
    const uid = String(1001 + index);
    made.set(uid, {
      [uidField]: uid,
      nom: `${pick(kinds, index) ?? ''} de ${pick(towns, Math.floor(index / kinds.length)) ?? ''}`,
      courriel: `contact.${uid}@example.org`,
      thematiques: [1 + (index % subjects.length), 1 + ((index + 2) % subjects.length)],
      presentation: prose(index, each - 200),
    });
  }
  return made;
}

/** Sentences, about so many bytes of them. */
function prose(from: number, bytes: number): string {
  let text = pick(sentences, from) ?? '';
  for (let index = from + 1; Buffer.byteLength(text) < bytes; index += 1) text += ` ${pick(sentences, index) ?? ''}`;
  return text;
}

export function campaigns(halfYears: readonly string[]): Item[] {
  return halfYears.map((semestre, index) => ({ id: index + 1, semestre, titre: `Campagne ${semestre}`, thematique: 1 + (index % subjects.length) }));
}

export function proposals(halfYears: readonly string[], uids: readonly string[]): Item[] {
  return uids.map((uid, index) => ({ id: index + 1, partenaire: uid, semestre: pick(halfYears, index), texte: pick(sentences, index) }));
}

/** The half-years that are kept: this one and the five before it, the newest first. */
export function halfYearsAt(now: number): string[] {
  const date = new Date(now);
  const latest = date.getUTCFullYear() * 2 + (date.getUTCMonth() < 6 ? 0 : 1);
  return Array.from({ length: 6 }, (_, back) => {
    const number = latest - back;
    return `${Math.floor(number / 2)}-${(number % 2) + 1}`;
  });
}
