/** The folder that an emulator serves when it is given none: a small office's documents, large and small. */
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Times of the samples: one fixed moment, each file an hour and a bit before the other. */
const newestS = Date.UTC(2024, 5, 28, 16, 30, 0) / 1000;

/** Writes the samples into an empty folder. The same bytes, names and times at every start. */
export async function makeSampleFiles(folder: string): Promise<void> {
  let modifiedS = newestS;
  const folders = new Set<string>();
  for (const [name, content] of sampleFiles()) {
    const place = join(folder, name);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, content);
    await utimes(place, modifiedS, modifiedS);
    for (let above = dirname(name); above !== '.'; above = dirname(above)) folders.add(above);
    modifiedS -= 3661;
  }
  for (const name of folders) await utimes(join(folder, name), newestS, newestS);
}

/** The samples, as path and content, newest first. */
export function* sampleFiles(): Generator<readonly [string, string]> {
  yield ['Lisez-moi.txt', 'Bonjour,\n\nCe dossier est servi par un émulateur. Tout peut être lu, modifié et effacé ;\nil disparaît quand l’émulateur s’arrête.\n'];
  yield ['Comptabilité/2024/Facture n° 2024-017 (mairie).txt', invoice(17, 'Mairie de Bressuire', 1240)];
  yield ['Comptabilité/2024/Facture n° 2024-018 (école).txt', invoice(18, 'École Jules-Ferry', 386)];
  yield ['Comptabilité/2024/Grand livre.csv', ledger()];
  yield ['Comptabilité/2023/Bilan.txt', 'Bilan au 31 décembre 2023\n\nActif    84 210,00 €\nPassif   84 210,00 €\n'];
  yield ['Réunions/2024-03-12 compte rendu.md', minutes('12 mars 2024', ['Budget', 'Travaux de l’été', 'Divers'])];
  yield ['Réunions/2024-06-04 compte rendu.md', minutes('4 juin 2024', ['Relevés de compteurs', 'Congés'])];
  yield ['Plans/Plan du site.svg', plan()];
  yield ['Plans/Réseau/Poste nord.svg', plan()];
  yield ['Relevés/relevés capteurs 2024.csv', readings(120_000)];
  yield ['Relevés/LISEZMOI', 'Un relevé par minute et par capteur ; heures UTC.\n'];
  yield ['Modèles/lettre type.html', '<!doctype html>\n<html lang="fr"><meta charset="utf-8"><title>Lettre</title><p>Madame, Monsieur,</p></html>\n'];
  yield ['Modèles/vide.txt', ''];
}

function invoice(number: number, client: string, amount: number): string {
  return `Facture n° 2024-0${number}\nClient : ${client}\n\nPrestation      ${amount},00 €\nTVA 20 %        ${(amount / 5).toFixed(2).replace('.', ',')} €\nTotal           ${(amount * 1.2).toFixed(2).replace('.', ',')} €\n`;
}

function minutes(day: string, topics: readonly string[]): string {
  return `# Compte rendu du ${day}\n\n${topics.map((topic) => `## ${topic}\n\nDécision : approuvé à l’unanimité.\n`).join('\n')}`;
}

function plan(): string {
  return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 80"><rect x="10" y="10" width="60" height="40" fill="none" stroke="black"/><circle cx="95" cy="30" r="12"/></svg>\n';
}

function ledger(): string {
  const lines = ['date;compte;libellé;débit;crédit'];
  for (let day = 0; day < 180; day += 1) {
    const date = new Date(Date.UTC(2024, 0, 1 + day)).toISOString().slice(0, 10);
    lines.push(`${date};${411_000 + (day % 9)};écriture ${day + 1};${(day * 37) % 900},00;0,00`);
  }
  return `${lines.join('\n')}\n`;
}

/** Some forty bytes a line: several MiB in all. */
function readings(count: number): string {
  const lines = ['heure;capteur;puissance_kW;tension_V'];
  const start = Date.UTC(2024, 0, 1);
  for (let index = 0; index < count; index += 1) {
    const hour = new Date(start + index * 60_000).toISOString();
    lines.push(`${hour};C-${String(index % 40).padStart(2, '0')};${((index * 7919) % 9000) / 100};${228 + ((index * 31) % 50) / 10}`);
  }
  return `${lines.join('\n')}\n`;
}
