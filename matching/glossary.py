"""What citizens say of themselves in Spanish and Hindi, in the English of most opportunities.

Not a translation: a list of the words of work, help and neighbourhood, enough for ranking. A stem of four or more
letters matches every word that begins with it, which covers gender, number and conjugation; a shorter one matches
only itself. Written for this project; add a line for a word that is missed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

_SPANISH = """
a distancia=remote; abej=bees; abogad=lawyer legal attorney; abuel=grandparents seniors; abuso=abuse; acampa=camping;
acces=access; accesib=accessibility disability; accident=accident; acogida=foster; acoso=harassment bullying;
activid=activities; activis=activism advocacy; actua=acting theater; acuari=aquarium; acuatic=aquatic swimming;
adiccion=addiction recovery; administra=administration administrative office; adobe=adobe; adolescen=teens youth;
adopcion=adoption; adulto=adults; aerobic=aerobics fitness; aeropuerto=airport; afiche=posters;
agricol=agriculture farming; agricul=agriculture farming garden; agua=water; ahorr=savings financial; aire=air;
ajedrez=chess; alarma=alarm; alarma contra incendio=fire alarm; alarmas contra incendio=fire alarm;
alarmas contra incendios=fire alarm; alban=mason bricklayer; albergue=shelter homeless; alcald=mayor city government;
alcantarill=sewer drainage; alcohol=alcohol; alfabet=literacy reading; alfarer=pottery; aliment=food nutrition;
almacen=warehouse stock; almacen de datos=data warehouse; almacenes de datos=data warehouse; almuerz=lunch meals;
alojamiento=housing shelter; alquiler=rent tenant housing; alumbrad=lighting; alzheimer=alzheimer dementia elderly;
ama de casa=homemaker; amas de casa=homemaker; ambient=environment environmental; ambulanc=ambulance emergency medical;
amig=friends; analisis=analysis; analisis de datos=data analysis; analista=analyst; analiz=analyze analysis;
ancian=elderly seniors older adults; animacion=animation; animal=animals; ansiedad=anxiety mental health;
antropolog=anthropology; apoy=support help; aprend=learn; aprendiz=apprentice; arbol=trees tree planting;
arcgis=arcgis gis; archiv=archives records filing; arquitect=architecture architect; arregl=repair fix; arte=art arts;
artes=arts; artes marciales=martial arts; artesan=crafts; artist=artist arts; ascensor=elevator;
aseo=cleaning sanitation; asequible=affordable; asesor=advising counseling; asfalt=asphalt paving;
asilo=asylum immigration; asistencia=assistance; asistent=assistant aide; asistente legal=paralegal legal assistant;
asistente medic=medical assistant; asistente medica=medical assistant; asma=asthma health; astronom=astronomy;
atencion=care service; atencion al cliente=customer service; atletism=athletics running; audito=audit auditor;
aula=classroom; autis=autism special needs; auto=car vehicle; autobus=bus; automotri=automotive;
auxiliar=assistant aide; aves=birds; ayud=help assist volunteer; ayudant=helper assistant; ayuntamient=city government;
bail=dance; ballet=dance; baloncesto=basketball; banc=bank; banco de alimentos=food bank pantry; banda=band music;
banq=bank finance; barber=barber; barrer=sweeping cleaning; barrio=neighborhood community; base de datos=database;
bases de datos=database; basket=basketball; basura=garbage trash sanitation; bebe=babies infants;
beca=scholarship grant; beisbol=baseball; bibliotec=library books; bici=bicycle cycling bike;
bicicl=bicycle cycling bike; bienes=property; bienestar=wellness welfare; bilingu=bilingual spanish;
biolog=biology science; bodeg=warehouse stock; boleta=ballot voting; bombero=firefighter fire safety;
bordad=embroidery sewing; bosque=forest trees; botanic=botanical garden; boxeo=boxing; braille=blind; buscar=seeking;
cabild=advocacy; cableado=wiring electrical; caja=cashier; cajer=cashier; caldera=boiler; calefacc=heating boiler;
calidad=quality; calle=street; camar=camera; camara=camera photography; caminat=walking hiking; camion=truck driver;
camioneta=truck van; campamento=camp; campañ=campaign; campo=farm field outdoors; cancer=cancer patients;
cantante=singing music; cantar=singing music; canto=singing music; capacit=training;
capacitacion de maestros=teacher training; capataz=supervisor; carcel=jail prison reentry; carga=freight loading;
cargador=loading lifting; caridad=charity; carpinter=carpentry carpenter woodwork; carretera=road highway;
carta=letters; cartel=posters; cartero=mail; casa=home house; caso=cases; catastrof=disaster; cemento=cement concrete;
cena=dinner meals; censo=census; centro=center; centro de llamadas=call center; ceramic=pottery art; cerraj=locksmith;
certific=certified; cesped=lawn turf; charla=talks workshops education; chef=chef cooking; chino=chinese; chofer=driver;
ciclis=cycling bike; ciega=blind; ciego=blind; cienci=science; cine=film cinema; ciudad=city urban;
ciudadan=citizenship civic; clase=classes teaching; climat=climate; clinic=clinic medical health;
cobr=billing collection; coche=car; cocin=cooking kitchen meals food; codigo=code; colegio=school;
comedor=soup kitchen meals; comedor comunitario=soup kitchen community meals; comercio=commerce business;
comida=food meals; compost=compost; compr=purchasing shopping; comput=computer technology; comunic=communication;
comunidad=community; comunit=community; concienti=awareness outreach; concilia=reconciliation; conduc=driver driving;
conduct=driver driving; confeccion=sewing; consej=counseling advice; consejeria entre pares=peer counseling;
conserje=custodian janitor; conserv=conservation; constru=construction building; construc=construction building;
consult=consulting; contabil=accounting bookkeeping; contador=accountant accounting; contamin=pollution environment;
contar cuentos=storytelling reading; contrat=contracts procurement; control=control; cooperativ=cooperative;
coordin=coordinator coordination; coreograf=dance; coro=choir singing; correccional=correction jail; correo=mail;
corte=court; cosecha=harvest; coser=sewing; costura=sewing; crianza=parenting; crisis=crisis; cruz roja=red cross;
cuadrilla=crew; cuenta=accounts accounting; cuentacuentos=storytelling reading; cuentas por pagar=accounts payable;
cuento=stories reading; cuid=care caregiver; cuidado de ninos=child care; cultiv=growing garden farm;
cultur=culture cultural arts; cumplimient=compliance; curricul=curriculum; curriculum=resume job readiness; danza=dance;
dato=data; datos=data; datos abiertos=open data; declaraciones juradas=affidavits legal; decora=decoration;
defens=advocacy defense; delito=crime; demencia=dementia elderly; democra=democracy civic; dental=dental;
dentista=dentist dental; deport=sports athletics recreation; depresion=depression mental health;
derech=rights law legal; desag=drainage sewer; desahuci=eviction tenant; desaloj=eviction tenant; desarroll=development;
desastre=disaster emergency; desempleo=unemployment; despacho=office; despensa=food pantry; desperdici=waste;
deuda=debt; diabet=diabetes health; dibuj=drawing art; dieta=diet nutrition; difusion=outreach;
digital=digital technology; dinero=money finance; direct=director; discapac=disability disabled;
discrimin=discrimination; diseñ=design; distribu=distribution delivering; doctor=doctor medical;
documental=documentary film; documento=documents; domestic=domestic household; domicili=home; domingo=sundays weekends;
donacion=donation; donant=donor; donar=donate; drenaj=drainage sewer; droga=drugs substance; ducha=shower; duelo=grief;
ecolog=ecology environment; econom=economics finance; edific=buildings maintenance; editor=editor writing;
educa=education teaching school; eficien=efficiency; ejercici=exercise fitness; electric=electrical electrician;
electrici=electrical electrician; elevador=elevator; embaraz=pregnancy maternal health; emergenc=emergency;
empati=empathy; emple=employment job; empodera=empowerment; empresa=business company; encarcel=incarcerated reentry;
encargad=supervisor; encuest=survey; energetic=energy; energia=energy; enferm=nurse nursing patients;
enfermedad=disease illness; enfermer=nurse nursing; enlace=liaison; enseñ=teaching; entreg=delivery;
entrenad=coach trainer; entrevist=interview; envejec=aging seniors; epidemi=epidemiology public health; equidad=equity;
equipo=team; equitac=horses; escenario=stage; escrib=writing; escritor=writer writing; escritura=writing;
escuch=listening; escucha activa=active listening; escuel=school; escultur=sculpture art; espacial=spatial;
español=spanish; especial=special; esposa=family; estadistic=statistics data; estrategi=strategy; estudiant=student;
etica=ethics; evaluac=evaluation; evento=events; excel=excel; excurs=tours hiking; exhibic=exhibits;
expediente=case files; extranjer=foreign; fabrica=factory; facilitac=facilitation; factur=invoices billing;
familia=families; farmac=pharmacy; fauna=wildlife animals; feria=fair festival; ferrocarril=railroad;
festival=festival events; figma=figma; fin de semana=weekends; financ=finance budget; finanz=finance;
fines de semana=weekends; fisc=fiscal tax; fisioterap=physical therapy; flor=flowers gardening; folleto=brochure;
fondos=fundraising funds; fontaner=plumbing plumber; forest=forestry trees;
fortalecimiento de organizaciones=nonprofit capacity building; foto=photography photo; fotograf=photography;
frances=french; fruta=fruit; fuego=fire; fundac=foundation nonprofit; futbol=soccer football sports; gabinete=cabinets;
galeria=gallery; ganad=livestock; gas=gas; gato=cats animals; generador=generators; genero=gender women;
geograf=geography gis mapping; gerent=manager; gerente de proyectos=project manager; geriatr=geriatrics elderly;
gestion=management; gimnas=gym fitness; gobiern=government; grafic=graphic; granja=farm; gripe=flu vaccine;
guarderi=day care child care; guardia=guard security; guerra=veterans; guia=guide tours; guitarr=guitar music;
habitac=housing; hablo=speak; hambre=hunger food pantry; herramient=tools; higiene=hygiene; hij=children family;
hipertens=hypertension health; histori=history; hogar=home; hogar de ancianos=nursing home elderly; homosex=lgbt;
hortaliz=vegetables garden; horticult=horticulture gardening; hospicio=hospice; hospital=hospital;
hotel=hotel hospitality; huerfan=orphans children; huerto=community garden; huracan=hurricane disaster;
idioma=languages; iglesia=church; igualdad=equality justice; ilustra=illustration; imprent=printing; impuest=tax;
incendi=fire; incidencia=advocacy; inclusi=inclusion; indigen=indigenous; infan=children; infantil=children;
informatic=computer information technology; informe=reports; infraestruct=infrastructure; ingenier=engineering engineer;
ingles=english esl; inmigra=immigrant immigration; inmobiliari=real estate property; inmueb=real estate property;
inquilin=tenant housing; inscri=enrollment; insertar=placement; inspec=inspection inspector; instala=installation;
institut=institute; intercultur=cultural; interfa=interface; internac=international; interpre=interpreter translation;
intervencion temprana=early intervention; inundac=flood; inventari=inventory; invernadero=greenhouse; investig=research;
jabon=hygiene; jardin=gardening garden horticulture parks; java=java; javascript=javascript; jefe=supervisor;
jefe de proyecto=project manager; jornaler=laborer; joven=youth young; jovenes=youth; jubilad=retired senior;
judicial=judicial court; jueg=games play recreation; juez=judge court; jurid=legal; juridic=legal; justicia=justice;
juvenil=youth; karate=martial arts; laboral=labor employment; laborator=laboratory; lactanc=breastfeeding;
lago=lake water; latin=latino hispanic; lavander=laundry; lect=reading literacy; lectur=reading literacy; leer=reading;
legal=legal; lengua de señas=sign language; lenguaj=language; lenguaje de señas=sign language; lesbian=lgbt lesbian;
ley=law; leyes=law; lgbt=lgbt; libro=books; licenc=license; licitac=procurement contracts; lider=leadership;
limpi=cleaning cleanup custodial; linea de ayuda=hotline; linea de crisis=crisis hotline; lineas=lines; linux=linux;
liter=literature; llamad=calls; lluvi=rain; logistic=logistics; logo=logo design; madera=wood carpentry; madre=mothers;
maestr=teacher teaching; maltrat=abuse domestic violence; manejar=driving; manejo de casos=case management;
mantenim=maintenance repair; manual=manual crafts; mapa=maps gis; maquin=machine operator equipment; marca=branding;
marin=marine; mascot=pets animals; matematic=math; matern=maternal; materna=maternal; mayor=seniors;
mayores=seniors older adults; mecanic=mechanic mechanical; mecanograf=typing clerical; medic=medical health;
medicament=medication; medio ambiente=environment environmental; meditac=meditation wellness; memoria=memory;
mensajer=messenger; mental=mental health; mentor=mentoring; mercad=market; mercadotec=marketing; merienda=snacks;
mesa=table; mesero=waiter food service; metal=metal; metro=subway transit; migra=migrant immigration; militar=military;
minusv=disability; moda=fashion; modelad=modeling; modista=sewing; montañ=hiking; mosaic=mosaic; motor=engine;
mudanza=moving; muebl=furniture; mujer=women; multitud=crowds events; mundial=world; municip=municipal city;
mural=mural painting; museo=museum; music=music; nadar=swimming; natac=swimming; natur=nature; naturaleza=nature;
navidad=holiday christmas; naviden=holiday christmas; necesidades especiales=special needs; necesitad=needy people;
negoci=business; nieve=snow; niñ=children kids; nina=girls children; niñera=child care babysitting; niñez=childhood;
nino=children kids; nomina=payroll; novela=writing; nube=cloud; nutric=nutrition; obes=obesity nutrition;
obra=construction works; obras=construction works; obrer=laborer worker; observ=observation; oceano=ocean beach;
odont=dental; ofici=office clerical; oficina=office clerical; oficio=trade skills; ong=nonprofit; operador=operator;
oracle=oracle; ordenador=computer; organiz=organizing; orient=guidance counseling; ortograf=spelling; paciente=patients;
padre=parents; padres=parents; padron=voters registration; pais=country; paisaj=landscaping; pajaro=birds;
palomas=birds; panader=baker bakery; pantano=wetlands; papel=paper; papeleo=paperwork; parqu=parks; parroquia=church;
parter=midwife maternal; partera=midwife maternal; participa=participation; parto=birth; pasaje=passengers;
pasaport=passport; pase=walking; pasear perros=dog walking animals; paseo=walking; paseo de perros=dog walking animals;
pastel=baking; patinaj=skating; paviment=paving; paz=peace; peaton=pedestrian street safety; pediatr=pediatric children;
pelicul=film; pelot=ball sports; peluquer=hairdresser; periodis=journalism media; permiso=permits; perro=dogs animals;
person=people; personal=personnel staff; pesca=fishing; pesticid=pesticide; photoshop=photoshop; piano=piano; piel=skin;
pint=painting; pintor=painter painting; pintura=painting; piscina=pool swimming; plaga=pest control;
plan de estudios=curriculum; planes de estudio=curriculum; planific=planning; plano=blueprint plans;
planta=planting plants; plantar=planting; playa=beach; plom=plumbing plumber; plomer=plumbing plumber;
pobre=poverty low income; pobreza=poverty; poda=pruning; podar=pruning; poesia=poetry; polic=police; politic=policy;
portero=doorman; portugues=portuguese; postgres=postgres database; preescol=preschool early childhood;
prejardin=preschool; prensa=press; preparacion laboral=job readiness; presion arterial=blood pressure health;
presupuest=budget; prevenc=prevention; primaria=elementary school; primeros auxilios=first aid; prision=prison;
privacidad=privacy; problem=problems; profesor=teacher; program=programs; programacion=programming software;
programador=programmer software developer; promotor=outreach health educator;
promotora de salud=community health worker; propuesta=proposals; propuestas de subvencion=grant proposals;
prostit=sex workers; protec=protection; protesta=protest; proyect=project; psicolog=psychology counseling;
psiquiatr=psychiatry; public=public; publicidad=advertising marketing; pueblo=town people; puente=bridge; puerta=door;
python=python; qgis=qgis gis; queer=lgbt; queja=complaints; quimic=chemistry; radio=radio; rampa=ramp; rcp=cpr;
recaud=fundraising; recepc=reception receptionist; recicl=recycling; reclut=recruitment; reconstru=rebuilding;
recreac=recreation; recurs=resources; recursos humanos=human resources; redac=writing;
redaccion de propuestas=grant writing; redactor de propuestas=grant writer; redactora de propuestas=grant writer;
redes=network; redes sociales=social media; refrigera=refrigeration hvac; refugi=refugee shelter; regar=watering;
registro=registration records; rehabil=rehabilitation; reintegra=reentry; relaciones publicas=public relations;
religi=faith; remo=rowing; remodel=renovation; remoto=remote; rent=rent; repar=repair; repart=delivery distribution;
repartiendo=delivering distributing; rescat=rescue; residuos=waste; resilien=resilience; resolu=resolution;
respirat=respiratory; restaur=restaurant food service; restauracion=restoration; reunion=meetings;
riego=irrigation watering; rio=river; robot=robotics; rociador=fire sprinklers; ropa=clothing; rural=rural;
ruso=russian; ruta=routes; sabado=saturdays weekends; saco=bags; sala=room; sald=balance; salud=health;
salud publica=public health; salvavidas=lifeguard; saneam=sanitation; sangre=blood donation; sanidad=health;
sanitari=sanitary health; secretari=secretary clerical; secundaria=high school; segur=safety security;
seguridad=security safety; seguridad vial=street traffic safety; seguro=insurance; seguro medico=health insurance;
semaforo=traffic signal; sembr=planting; semill=seeds; sender=trails; seropositiv=hiv; servic=service;
servicio al cliente=customer service; servidor=server; sexual=sexual health; sida=aids hiv; siembra=planting;
sig=gis mapping; signos vitales=vital signs; silla de ruedas=wheelchair; silvestre=wildlife; sindical=union;
sindicat=union labor; sistema=systems; sobreviv=survivors; social=social; sociedad=society; software=software;
soldad=welding; soldado=veterans; soledad=loneliness elderly; solicitud=applications; solidar=solidarity;
soltera=single; sopa=soup; sord=deaf; sosten=sustainability; spark=spark data; sql=sql; subven=grants; sucursal=branch;
suelo=soil; suicid=suicide; suministr=supplies; supervis=supervisor; sustent=sustainability; tablero=electrical panels;
tala=tree; taller=workshop; tarea=homework tutoring; tareas escolares=homework tutoring; taxi=driver; teatro=theater;
tecnic=technician technical; tecnolog=technology; tejid=knitting; telefon=telephone; television=television;
tenis=tennis; terap=therapy; terapeut=therapist; tercera edad=seniors elderly; terremoto=earthquake disaster;
texto=text; tiempo completo=full time; tienda=store; tierra=land soil; tipograf=typography; titer=puppets;
topograf=surveying; tormenta=storm disaster; tortug=turtles; trabaj=work job; trabajador social=social worker;
trabajadora de salud=health worker; trabajadora social=social worker; trabajo social=social work;
traduc=translation interpreter; trafic=traffic; transgen=transgender lgbt; transito=traffic transit;
transparen=transparency; transport=transportation; tratamient=treatment; trauma=trauma; tren=train; tribunal=court;
tuberi=pipes plumbing; turis=tourism; turno=shift; tutor=tutoring; universi=university college; urban=urban planning;
urgenc=emergency; usuario=users; vacun=vaccines immunization; vapor=steam; vecin=neighbors neighborhood;
vegetal=vegetables; vehicul=vehicles; vela=sailing; vend=sales; vent=sales; ventan=windows; ventas=sales;
ventila=ventilation hvac; verano=summer; verdura=vegetables; veteran=veterans; veterin=veterinary animals; via=road;
viaj=travel; vial=street; victim=victims; vida=life; video=video; vidrio=glass; viej=old elderly;
vigilan=security guard; vih=hiv aids; violenc=violence; visita=visits; visitas domiciliarias=home visits; viudo=widow;
vivero=nursery plants; vivienda=housing; vivienda asequible=affordable housing; volante=flyer; volei=volleyball;
voluntar=volunteer; votan=voters; voto=voting; yeso=plaster; yoga=yoga; zapat=shoes; zonific=zoning; zoolog=zoo animals;
zumba=zumba
"""

_HINDI = """
अंग्रेज=english esl; अंशकालिक=part time; अकाउंट=accounting accountant; अकेलापन=loneliness elderly;
अखबार=newspaper journalism; अग्नि=fire; अग्निशमन=firefighter fire; अदालत=court; अधिकार=rights; अधिकारी=officer;
अधिवक्ता=lawyer attorney; अध्यापक=teacher teaching; अध्यापन=teaching teacher; अध्यापिका=teacher teaching;
अनाज=grain food; अनाथ=orphans children; अनुदान=grants; अनुदान लेख=grant writing; अनुदान लेखक=grant writer;
अनुदान लेखन=grant writing; अनुपालन=compliance; अनुबंध=contracts; अनुभव=experience; अनुवाद=translation interpreter;
अनुसंधान=research; अपंग=disabled; अपराध=crime; अप्रवास=immigrant immigration; अभयारण्य=sanctuary wildlife;
अभिनय=acting theater; अभिभावक=parents; अभियान=campaign outreach; अभिलेख=archives records; अर्थ=finance;
अर्थशास्त्र=economics; अलमार=cabinets; अलार्म=alarm; अल्जाइमर=alzheimer dementia elderly; अल्पसंख्यक=minority;
अवलोकन=observation; अवसाद=depression mental health; अस्पताल=hospital medical; आंकड़=data statistics;
आंकड़े=data statistics; आंगनवाड़ी=preschool child care; आग=fire; आग की चेतावनी=fire alarm;
आजीविका=livelihood employment; आत्महत्या=suicide prevention; आदिवासी=indigenous; आपदा=disaster emergency;
आपात=emergency; आप्रवास=immigrant immigration; आय=income; आयकर=income tax; आयुर्वेद=health; आयोजक=organizer;
आयोजन=organizing events; आर्कजीआईएस=arcgis gis mapping; आर्किटेक्ट=architect architecture; आर्थिक=financial economic;
आवास=housing; आवेदन=application; आव्रजन=immigration; आश्रय=shelter; आहार=nutrition food; इंजीनियर=engineer engineering;
ईंट=brick mason; इंटरनेट=internet; इंटरव्यू=interview job readiness; इतिहास=history; इमारत=buildings maintenance;
ईमेल=email; इलाज=treatment medical; इलेक्ट्र=electrical electrician; उगान=growing; उत्पीड़न=harassment abuse;
उत्सव=festival events; उद्यम=business; उद्यान=parks garden; उपचार=treatment; उपन्यास=writing; ऊर्जा=energy; उर्दू=urdu;
ऋण=loans debt; एंबुलेंस=ambulance emergency; एकाउंट=accounting accountant; एक्वेरियम=aquarium animals; एक्सेल=excel;
एचआईवी=hiv; एचआर=human resources; एडवोकेट=lawyer attorney; एडोब=adobe; एड्स=aids; एनजीओ=nonprofit; एनिमेशन=animation;
एयर कंडीशन=air conditioning hvac; एरोबिक=aerobics fitness; एलजीबीटी=lgbt; एलिवेटर=elevator; एसक्यूएल=sql; ऐप=app;
ऑटिज्म=autism special needs; ऑडिट=audit; ऑनलाइन=online remote; ऑफिस=office; ओरेकल=oracle; औजार=tools; औरत=women;
कंप्यूटर=computer technology; कक्षा=classes classroom; कचर=garbage trash waste; कचरा=garbage trash waste;
कठपुतली=puppets; कढ़ाई=embroidery sewing; कथक=dance; कपड़=clothing; कबड्डी=sports; कमाई=income; करदाता=taxpayers tax;
कराटे=martial arts; कराधान=tax; करियर=career; कर्ज=debt; कर्मचारी=staff employee; कला=art arts; कलाकार=artist;
कवि=poetry; कविता=poetry; कसरत=exercise fitness; कहानी=stories reading; कहानी सुनाना=storytelling reading;
कहानियां=stories reading; काउंसल=counseling; कानून=law legal; कानूनी सहायक=paralegal legal assistant;
कानूनी सहायता=legal assistance; काम की तलाश=seeking work; कारखान=factory; कारपेंटर=carpenter; कार्य=work;
कार्यकर्ता=worker; कार्यक्रम=programs events; कार्यक्रम प्रबंधक=program manager; कार्यशाला=workshop; कार्यालय=office;
किंडरगार्टन=kindergarten preschool; किचन=kitchen cooking; कीटनाशक=pesticide; किताब=books reading;
किराए=rent tenant housing; किराय=rent tenant housing; किशोर=teens youth; किसान=farmer agriculture; कूड़=garbage trash;
कुत्त=dogs animals; कुत्ते घुमाना=dog walking animals; कुत्तों को घुमा=dog walking animals;
कुपोषण=malnutrition nutrition; कूरियर=courier delivery; कुश्ती=sports; केंद्र=center; केयरटेकर=caretaker; कैंप=camp;
कैंसर=cancer patients; कैदी=prison reentry; कैमरा=camera photography; कैशियर=cashier; कॉल सेंटर=call center;
कॉलेज=college; कोच=coach; कोडिंग=programming; कोर्ट=court; कौशल=skills training; क्यारि=garden beds;
क्रिकेट=cricket sports; क्रेन=crane; क्लर्क=clerk clerical; क्लाउड=cloud; क्लिनिक=clinic; खरीद=purchasing procurement;
खर्च=expenses budget; खाता=accounts; खातों=accounts accounting; खाद=compost; खाद बनाना=composting; खाद्य=food;
खान=food meals cooking; खाना=food cooking meals; खाना पकाना=cooking; खाना बनाना=cooking; खाना बनाने=cooking;
खाना बांटना=food distribution delivery meals; खिड़क=windows; खिलाड़=sports; खुला डेटा=open data; खुले आंकड़े=open data;
खुशी=happiness; खेत=farm; खेती=farming agriculture; खेल=sports games recreation; गणित=math tutoring; गरमाई=heating;
गरीब=poverty low income; गर्भ=pregnancy maternal; गाइड=guide; गाड़ी=vehicle driving;
गाड़ी की मरम्मत=automotive repair mechanic; गाड़ी चलाना=driving driver; गाड़ियों की मरम्मत=automotive repair mechanic;
गाना=singing music; गाने=singing music; गाय=cows animals; गायक=singing music; गायन=singing music; गार्ड=security guard;
गिटार=guitar; गीत=songs music; गीला कचरा=compost; गुजराती=gujarati; गुणवत्ता=quality; गुरुद्वार=community temple;
गृह=home housing; गृहकार्य=homework tutoring; गृहिणी=homemaker; गैर लाभकारी=nonprofit; गैरलाभकारी=nonprofit; गैस=gas;
गोद=adoption; गोदाम=warehouse; ग्राफिक=graphic design; ग्रामीण=rural; ग्राहक=customer service; घर=home;
घर की मरम्मत=home repair; घर पर मुलाकात=home visits; घर से काम=remote work from home; घरेलू=domestic household;
घरेलू हिंसा=domestic violence; घरों=homes housing; घरों की मरम्मत=home repair; घास=turf grass; घोड़=horses animals;
चंदा=fundraising donation; चंदे=fundraising donation; चर्च=church; चलान=driving; चालक=driver;
चिंता=anxiety mental health; चिकित्स=medical health doctor; चिकित्सा सहायक=medical assistant; चिड़िया=birds;
चिड़ियाघर=zoo animals; चित्र=drawing painting art; चित्रकला=painting art; चित्रकार=painter artist illustration;
चित्रण=illustration; चुनाव=voting; चेतावनी=warning alarm; चौकीदार=security guard; छंटाई=pruning; छत=roof; छपाई=printing;
छात्र=students; छात्रवृत्ति=scholarship; छिड़काव=sprinkler; छोटे=small; छोटे व्यापार=small business; जंगल=forest;
जन=public; जन स्वास्थ्य=public health; जनगणना=census; जनता=public; जनरेटर=generator; जनसंपर्क=public relations outreach;
जनसूचना=public information; जरूरतमंद=needy people; जल=water; जल व्यायाम=water aerobics; जलवायु=climate;
जांच=inspection testing; जागरूकता=awareness outreach; जानकारी=information; जानवर=animals; जावा=java;
जावास्क्रिप्ट=javascript; जीआईएस=gis mapping; जिम=gym fitness; जीव=biology; जीवन=life; जुंबा=zumba fitness;
जेल=prison jail reentry; जैनिटर=janitor custodian; जैविक=organic; जोनिंग=zoning; झाड़ू=sweeping cleaning;
झील=lake water; टाइपिंग=typing clerical; टाइल=tile; टीक=vaccine immunization; टीका=vaccine immunization;
टिकाऊ=sustainability; टीचर=teacher; टीम=team; टूर=tours; टेनिस=tennis sports; टैक्स=tax; टैक्सी=driver; ट्यूटर=tutoring;
ट्यूशन=tutoring; ट्रक=truck driver; ट्रांसजेंडर=transgender lgbt; ट्रेकिंग=hiking; ट्रेनिंग=training; ट्रैफिक=traffic;
ठेका=contracts; ठेकेदार=contractor; डांस=dance; डाइट=diet nutrition; डाक=mail; डाटा=data; डायबिटीज=diabetes;
डिजाइन=design; डिजिटल=digital technology; डिमेंशिया=dementia elderly; डिलीवरी=delivery; डे केयर=day care child care;
डेकेयर=day care child care; डेटा=data; डेटाबेस=database; डॉक्टर=doctor medical; ड्यूटी=duty shift;
ड्राइव=driver driving; ड्राइविंग=driving; ढांच=structure framing; तकनीक=technical technology technician;
तकनीश=technician; तट=beach shore; तनाव=stress mental health; तबला=music; तमिल=tamil; तस्करी=trafficking; ताला=locksmith;
तालाब=pond water; तूफान=storm disaster; तैयारी=preparation; तैर=swimming; तैराकी=swimming; त्योहार=festival events;
त्यौहार=festival events; थिएटर=theater; थेरेपी=therapy; दंत=dental; दफ्तर=office; दमकल=firefighter fire; दरवाज=doors;
दर्जी=tailor sewing; दवा=medicine pharmacy; दवाई=medicine pharmacy; दस्तावेज=documents; दाई=midwife maternal;
दाखिला=enrollment; दादा=grandfather elderly; दादी=grandmother elderly; दान=donation; दानदाता=donors fundraising;
दिव्यांग=disability disabled; दुकान=store sales; दूतावास=embassy; दुभाषिय=interpreter translation;
दुर्घटना=accident safety; दृष्टि=vision blind; दृष्टिहीन=blind; देखभाल=care caregiver; देखरेख=care supervision;
देय=payable; दोस्त=friends; दौड़=running; धन जुटाना=fundraising; धन जुटाने=fundraising; धन संग्रह=fundraising;
धर्म=faith; धैर्य=patience; धोबी=laundry; ध्यान=meditation; ध्यान से=carefully; ध्यान से सुनना=active listening;
नक्श=maps plans; नगर=city municipal; नगर नियोजन=city planning urban planning; नदी=river water; नर्स=nurse nursing;
नर्सरी=nursery plants; नल=plumbing; नलसाज़=plumber; नशा=addiction substance; नशे=addiction substance;
नागरिक=citizen civic; नागरिकता=citizenship; नागरिकता परीक्षा=citizenship test; नाच=dance; नाट=theater;
नानी=grandmother elderly; नामांकन=enrollment; नाली=drainage sewer; नीति=policy; निदेशक=director; नियंत्रण=control;
नियम=code rules; नियोजन=planning; निरीक्ष=inspector inspection; निर्माण=construction building; निवास=residence;
निविदा=procurement contracts; निवेश=investment finance; नृत्य=dance; नेटवर्क=network; नेत्र=eye; नेत्रहीन=blind;
नौकरी=job employment; नौकरी की तलाश=seeking job employment; नौका=boating; नौजवान=youth young; न्याय=justice legal;
न्यायाधीश=judge court; पंजाबी=punjabi; पंजीकरण=registration enrollment; पंजीयन=registration enrollment;
पका=cooking meals; पक्षी=birds; पठन=reading; पड़ोस=neighbors neighborhood; पढ़न=reading; पढ़ा=teaching tutoring;
पढ़ा लिखा=educated; पढ़ाई=education studying; पढ़ान=teaching tutoring; पत्र=letters; पत्रकार=journalism;
पत्रिका=magazine; परामर्श=counseling advice; परीक्षा=exam test; परियोजना=project; परियोजना प्रबंधक=project manager;
परिवहन=transportation; परिवार=families; पर्चा=flyer; पर्चे=flyer; पर्यटन=tourism; पर्यवेक्ष=supervisor;
पर्यावरण=environment environmental; पशु=animals; पशु आश्रय=animal shelter; पशु चिकित्सक=veterinary animals;
पशु चिकित्सा=veterinary animals; पशुचिकित्स=veterinary animals; पहरेदार=security guard; पहुंच=outreach; पाइथन=python;
पाइप=pipes plumbing; पाठ=lessons; पाठ्यक्रम=curriculum; पानी=water; पायथन=python; पारदर्शिता=transparency;
पारिस्थितिकी=ecology environment; पार्क=parks; पार्किंग=parking; पालतू=pets animals; पालन=care; पाली=shift;
पासपोर्ट=passport; पीड़ित=victims; पिता=fathers parents; पियानो=piano music; पिल्ल=puppies dogs; पूजा=community;
पुताई=painting; पुनर्चक्रण=recycling; पुनर्निर्माण=rebuilding construction; पुनर्वास=rehabilitation;
पूर्णकालिक=full time; पूल=bridge; पुलिस=police; पुस्तक=books library; पुस्तकालय=library books; पुस्तिका=brochure;
पेंट=painting; पेंटर=painter; पेंटिंग=painting art; पेंशन=retired pension; पेड़=trees tree planting;
पेड़ लगाना=tree planting; पेड़ लगाने=tree planting; पैकिंग=packing; पैदल=walking pedestrian; पैनल=panels;
पैरालीगल=paralegal legal; पैसे=money finance; पोषण=nutrition; पोस्टर=posters design; पौध=plants gardening planting;
पौधे लगाना=planting gardening; प्रकाशन=publishing; प्रकृति=nature; प्रचार=outreach marketing;
प्रजनन=reproductive health; प्रणाली=systems; प्रतिनिधि=representative; प्रदूषण=pollution environment;
प्रबंध=management manager; प्रबंधन=management; प्रमाणपत्र=certificate; प्रमाणित=certified; प्रयोगशाला=laboratory;
प्रवासी=immigrants; प्रशासन=administration; प्रशिक्ष=training; प्रसव=birth maternal; प्रस्ताव=proposals;
प्राइमरी=elementary school; प्राथमिक=elementary primary; प्राथमिक चिकित्सा=first aid; प्रारंभिक=early;
प्री स्कूल=preschool early childhood; प्रीस्कूल=preschool early childhood; प्रोग्राम=programming software;
प्रोजेक्ट=project; प्रौद्योगिकी=technology; प्लंबर=plumber; प्लंबिंग=plumbing; प्लास्टर=plaster;
प्लास्टिक=plastic recycling; फंड=funds fundraising; फर्नीचर=furniture; फल=fruit; फसल=harvest; फाइल=filing; फायर=fire;
फायर अलार्म=fire alarm; फार्म=farm; फार्मासि=pharmacist pharmacy; फार्मेसी=pharmacy; फिग्मा=figma;
फिजियोथेरेप=physical therapy; फिटनेस=fitness; फिल्म=film; फुटपाथ=sidewalk pedestrian; फुटबॉल=soccer football;
फूल=flowers gardening; फोटो=photography photo; फोटोशॉप=photoshop; फोन=phone; फोर्कलिफ्ट=forklift; बंगाली=bengali;
बकरी=animals; बगीच=garden gardening; बचत=savings financial; बचाव=rescue; बच्च=children kids;
बच्चों की देखभाल=child care; बच्चों को पढ़ाना=tutoring teaching children; बच्चों को पढ़ाने=tutoring teaching children;
बजट=budget; बढ़ई=carpenter carpentry; बधिर=deaf; बलात्कार=sexual assault; बस चालक=bus driver; बस ड्राइवर=bus driver;
बसों=buses; बहन=sisters; बहाली=restoration; बही=ledger bookkeeping; बांट=distributing delivery; बाइक=bicycle;
बागबान=gardening garden; बागवान=gardening garden; बाजार=market; बाढ़=flood disaster; बायोडाटा=resume job readiness;
बाल=child; बाल देखभाल=child care; बाल शिक्षा=early childhood education; बालवाड़ी=preschool;
बास्केटबॉल=basketball sports; बिक्री=sales; बीज=seeds planting; बिजली=electrical electrician electricity;
बिजली मिस्त्री=electrician electrical; बीम=insurance; बीमा=insurance; बीमार=illness patients; बिलिंग=billing;
बिल्डिंग=buildings; बिल्ली=cats animals; बुक=books; बुकिंग=booking; बुजुर्ग=elderly seniors older adults;
बुनाई=knitting; बेकरी=bakery; बेकिंग=baking; बेघर=homeless shelter; बेटी=daughters family;
बेदखल=eviction tenant housing; बेरोजगार=unemployed job readiness; बैंक=bank finance; बैडमिंटन=sports; बॉयलर=boiler;
बोल=speak; बोली=language; ब्रांड=branding; ब्रोशर=brochure; ब्लूप्रिंट=blueprint; भंडार=store pantry;
भंडारा=community meals; भजन=music; भरतनाट्यम=dance; भर्ती=recruitment; भवन=buildings; भागीदारी=engagement participation;
भाप=steam heat; भारत=indian south asian; भारतीय=indian south asian; भाषा=languages; भीड़=crowds events;
भूकंप=earthquake disaster; भूख=hunger food pantry; भूगोल=geography; भूमि=land; भूमि उपयोग=land use;
भेदभाव=discrimination; भोजन=food meals; भोजन वितरण=food distribution delivery; भौतिक चिकित्सा=physical therapy;
भौतिकी=physics science; मंच=stage; मंदिर=temple community; मकान=house housing; मछली=fish aquarium;
मछलीघर=aquarium animals; मजदूर=labor worker; मतदा=voters voting; मदद=help assist volunteer; मधुमक्खी=bees;
मधुमेह=diabetes health; मनोरंजन=recreation; मनोविज्ञान=psychology; मरम्मत=repair maintenance; मरीज=patients;
मशीन=machine operator; मशीन लर्निंग=machine learning; मस्जिद=mosque community; महामारी=epidemiology public health;
महिल=women; महिलाओं का सशक्तिकरण=women empowerment; मां=mothers; माता=mothers parents; माता पिता=parents; मातृ=maternal;
मानचित्र=maps gis; मानव=human; मानव संसाधन=human resources; मानवाधिकार=human rights; मानसिक=mental health;
मानसिक रोग=mental illness; मानसिक स्वास्थ्य=mental health; मामल=cases; मार्केटिंग=marketing;
मार्गदर्श=mentoring guidance; माली=gardener gardening; मिट्टी=soil; मीडिया=media; मिलान=reconciliation;
मिस्त्री=mechanic mason; मुकदम=legal court; मुक्केबाजी=boxing; मूर्ति=sculpture art; मुलाकात=visits;
मूल्यांकन=evaluation assessment; मेंटर=mentoring; मेट्रो=subway transit; मेहनत=hard work; मैकेनिक=mechanic;
मैकेनिकल=mechanical; मैराथन=marathon running; मॉडलिंग=modeling; मोटर=motor; मोहल्ल=neighborhood; मौसम=weather climate;
म्यूज़ियम=museum; यांत्रिक=mechanical; यातायात=traffic transportation; यात्र=travel tours; युवा=youth;
योग=yoga wellness; योजना=planning; यौन=sexual health; रंग=painting; रंगमंच=theater; रंगाई=painting; रक्त=blood donation;
रक्तचाप=blood pressure health; रक्तदान=blood donation; रखरखाव=maintenance repair; रविवार=sundays weekends;
रसायन=chemistry; रसोइ=cook kitchen; राजनीति=politics; राजमिस्त्री=mason bricklayer; राजस्व=revenue;
राशन=groceries food pantry; रास्त=routes; राहत=relief disaster; रिकॉर्ड=records; रिज्यूमे=resume job readiness;
रिटायर=retired; रिसर्च=research; रीसाइक्ल=recycling; रिसेप्शन=reception; रुचि=interest; रेडियो=radio;
रेफ्रिजरे=refrigeration hvac; रेल=railroad; रेस्तरां=restaurant food service; रोकथाम=prevention; रोग=disease patients;
रोगी=patients; रोजगार=employment; रोपण=planting; रोशनी=lighting; लंगर=community meals; लकड़ी=wood carpentry;
लघु उद्योग=small business; लड़क=boys; लड़कि=girls; लाइफगार्ड=lifeguard swimming; लाइब्रेर=library books;
लाइसेंस=license; लागत=cost; लिख=writing; लिपिक=clerk clerical; लिफ्ट=elevator; लेख=writing; लेखक=writer writing;
लेखन=writing; लेखा=accounting bookkeeping; लेखा परीक्षक=auditor audit; लेखा परीक्षा=audit auditor;
लेखाकार=accountant accounting; लेखापरीक्षा=audit; लैंगिक=gender; लैंडस्केप=landscaping; लैब=laboratory;
लॉन्ड्री=laundry; लोक=public; लोक निर्माण=public works; लोग=people; लोगो=logo design; लोगों=people; लोडिंग=loading;
लोहार=metalwork welding; वकालत=advocacy legal; वकील=lawyer legal attorney; वज़न=weight; वन=forest; वन्य=wildlife;
वन्यजीव=wildlife animals; वयस्क=adults; वरिष्ठ=senior; वरिष्ठ नागरिक=senior citizens elderly; वर्ष=years;
वाद्य=music instruments; वानिकी=forestry; वायरिंग=wiring electrical; वास्तु=architecture; वाहन=vehicles driver;
वाहन चलाना=driving driver; विकलांग=disability disabled; विकास=development; विक्रेता=sales; वीजा=visa immigration;
विज्ञान=science; विज्ञापन=advertising; वीडियो=video; वितरण=distribution delivery; वित्त=finance; विद्यार्थी=students;
विद्यालय=school; विद्युत=electrical electrician; विधवा=widows women; विनियम=regulation; विभाग=department;
विशेष आवश्यकता=special needs; विशेष आवश्यकताओं=special needs; विश्लेष=analysis analyst; विश्वविद्यालय=university;
वृक्ष=trees; वृद्ध=elderly seniors; वृद्धाश्रम=nursing home elderly; वेटर=waiter food service; वेतन=salary payroll;
वेब=web; वेबसाइट=website web; वेल्डर=welder; वेल्डिंग=welding; वैज्ञानिक=scientist science; वॉलीबॉल=volleyball sports;
व्यवसाय=business; व्यापार=business trade; व्यायाम=exercise fitness; व्यावसायिक=commercial professional;
व्हीलचेयर=wheelchair; शतरंज=chess; शनिवार=saturdays weekends; शरण=refugee asylum; शरणार्थी=refugees; शहर=city urban;
शहरी नियोजन=urban planning; शहरी योजना=urban planning; शांति=peace; शाकाहार=vegetarian food; शाखा=branch; शाम=evenings;
शिक्ष=education teaching teacher; शिक्षक=teacher teaching; शिक्षा=education; शिक्षिका=teacher teaching; शिफ्ट=shift;
शिल्प=crafts; शिविर=camp; शिशु=infants babies; शुक्रवार=weekdays; शुगर=diabetes; शेफ=chef cooking; शोध=research;
शोषण=abuse; संकट=crisis; संगठन=organization; संगीत=music; संग्रहालय=museum; संचार=communication; संचालक=operator;
संचालन=operations; संपत्ति=property; संपादक=editor editing; संपादन=editing; संरक्षण=conservation; संस्कृति=culture;
संस्था=organization nonprofit; सचिव=secretary; सड़क=street road; सड़क सुरक्षा=street traffic safety; सप्ताहांत=weekends;
सफाई=cleaning cleanup sanitation; सफाई विभाग=sanitation department; सबवे=subway transit; सबूत=evidence;
सब्ज़=vegetables; सब्जी=vegetables; समन्वय=coordination coordinator; समलैंगिक=lgbt gay lesbian; समाचार=news;
समाज=community society; समाज सेवा=social service; समाजसेवा=social service community; समानता=equality;
समारोह=events gala; समीक्षा=review; समुदाय=community; समुद्र=beach ocean; समुद्र तट=beach; सरकार=government city;
सर्वर=server; सर्वे=survey; सर्वेक्षण=survey; सर्वेयर=surveyor; सलाह=advice counseling; सशक्तिकरण=empowerment;
सस्ता आवास=affordable housing; सस्ते आवास=affordable housing; सस्ते घर=affordable housing; सहानुभूति=empathy support;
सहाय=assistant help; सहायक=assistant aide; सहायता=assistance help; सांकेतिक भाषा=sign language;
सांख्यिकी=statistics data; सांस्कृतिक=cultural; साइकल=bicycle cycling; साइकिल=bicycle cycling;
साइकिल चलाना=cycling bicycle riding; साइकिल चलाने=cycling bicycle riding; साइबर=cybersecurity; साक्षरता=literacy;
साक्षात्कार=interview; साथी=peer; साफ=cleaning cleanup; सामग्री=materials; सामाजिक=social; सामाजिक कार्य=social work;
सामाजिक कार्यकर्ता=social worker; सामुदायिक=community; सार्वजनिक=public; सार्वजनिक स्वास्थ्य=public health;
साहित्य=literature; सिंचाई=irrigation watering; सीख=learn; सिखा=teaching; सिग्नल=signal; सिनेमा=film cinema;
सीपीआर=cpr first aid; सिलाई=sewing; सीवर=sewer; सिविल इंजीनियर=civil engineer; सूचना=information; सुनना=listening;
सुनने=listening; सुना=telling listening; सुपरवाइज़र=supervisor; सुबह=mornings; सुरक्षा=safety security;
सेना=veterans military; सेल्स=sales; सेव=service volunteer; सेवानिवृत्त=retired; सेहत=health wellness;
सैनिक=veterans military; सॉफ्टवेयर=software developer; सोमवार=weekdays; सोशल मीडिया=social media; सौर=solar energy;
स्कूल=school; स्केट=skating; स्टोर=store; स्तनपान=breastfeeding; स्वच्छ=cleaning sanitation; स्वयंसेव=volunteer;
स्वास्थ्य=health; स्वास्थ्य कार्यकर्ता=community health worker; स्वास्थ्य बीमा=health insurance;
हरा भरा=green environment; हरित=green environment; हरिया=green environment; हलफनाम=affidavit legal; हवाई अड्ड=airport;
हस्तशिल्प=crafts; हाईस्कूल=high school; हाउसकीपिंग=housekeeping cleaning; हार्डवेयर=hardware; हिंदी=hindi;
हिंसा=violence; हीटिंग=heating; हिसाब=accounting bookkeeping; हुनर=skills trade; हृदय=heart; हेल्पलाइन=hotline helpline;
हॉकी=hockey sports; हॉटलाइन=hotline; होटल=hotel hospitality; होमवर्क=homework tutoring
"""

_LONGEST_PHRASE_WORDS = 3
#: Vowel signs and joiners are no letters to `\w`; the danda, which ends a sentence, is left out.
DEVANAGARI_IN_WORDS = "\u0900-\u0963\u0966-\u097f\u200c\u200d"
#: Spellings that writers of Hindi mix: the dot of borrowed sounds, the two signs of a nasal, long and short i and u.
_ONE_SPELLING = str.maketrans("ँईऊीू", "ंइउिु", "\u093c\u200c\u200d")
_NASAL_BEFORE_ITS_KIND = re.compile("[ङञणनम]\u094d(?=[क-घच-झट-ढत-धप-भ])")
_WORD = re.compile(rf"[^\W\d_](?:[\w{DEVANAGARI_IN_WORDS}]|['’](?=\w))*")

#: Frequent small words: so many of them in a text, and it is Spanish.
_SPANISH_SMALL_WORDS = "el la los las una y de del en que con por para mi me soy busco como trabajo tengo años"
_SPANISH_SIGNS = frozenset(_SPANISH_SMALL_WORDS.split())
_SPANISH_SIGN_SHARE = 1 / 12


def languages_of(text: str) -> tuple[str, ...]:
    """Which languages of the glossary `text` is written in: of `es`, `hi`; none for English."""
    words = [fold(word) for word in _WORD.findall(text)]
    signs = sum(word in _SPANISH_SIGNS for word in words)
    is_spanish = signs > 1 and signs >= _SPANISH_SIGN_SHARE * len(words)
    is_hindi = any("\u0900" <= word[0] <= "\u097f" for word in words)
    return ("es",) * is_spanish + ("hi",) * is_hindi


def in_english(text: str, languages: tuple[str, ...]) -> str:
    """The English of what the glossary knows of `text`, in its order; `text` itself where it knows nothing."""
    words = [fold(word) for word in _WORD.findall(text)]
    found = [english for language in languages for english in _known(words, _stems(language))]
    return " ".join(found) or text


def words_in_english(text: str, hints: Iterable[str]) -> str:
    """A few words in English, as far as the glossary knows them; the others stay as they are.

    `hints` are languages the writer may use: a few words alone hardly tell whether they are Spanish.
    """
    tags = {tag.partition("-")[0] for tag in hints} | set(languages_of(text))
    words = _WORD.findall(text)
    for language in sorted(tags & _TABLES.keys()):
        words = _replaced(words, _stems(language))
    return " ".join(words) if words != _WORD.findall(text) else text


def fold(word: str) -> str:
    """The word in lower case without accents; in Devanagari one spelling where writers mix several."""
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFD", word.lower())
    plain = "".join(c for c in letters if not "\u0300" <= c <= "\u036f")
    return _NASAL_BEFORE_ITS_KIND.sub("ं", plain.translate(_ONE_SPELLING))


_TABLES = {"es": _SPANISH, "hi": _HINDI}
#: The shortest stem that stands for all words beginning with it; a sign of Devanagari is a syllable.
_SHORTEST_STEM = {"es": 4, "hi": 3}


@dataclass(frozen=True, slots=True)
class _Stems:
    english: dict[str, str]
    shortest: int


@cache
def _stems(language: str) -> _Stems:
    entries = (entry.partition("=") for entry in _TABLES[language].replace("\n", " ").split(";"))
    english = {" ".join(fold(word) for word in stem.split()): meaning.strip() for stem, _, meaning in entries}
    return _Stems(english, _SHORTEST_STEM[language])


def _known(words: list[str], stems: _Stems) -> list[str]:
    found, position = [], 0
    while position < len(words):
        english, length = _entry_at(words, position, stems)
        if english:
            found.append(english)
        position += length
    return found


def _replaced(words: list[str], stems: _Stems) -> list[str]:
    """The words, with the English in place of those that are known."""
    folded, told, position = [fold(word) for word in words], [], 0
    while position < len(words):
        english, length = _entry_at(folded, position, stems)
        told += english.split() if english else words[position : position + length]
        position += length
    return told


def _entry_at(words: list[str], position: int, stems: _Stems) -> tuple[str, int]:
    """The English of the longest phrase, or the longest stem, that stands there, and how many words it takes."""
    for length in range(_LONGEST_PHRASE_WORDS, 1, -1):
        if english := stems.english.get(" ".join(words[position : position + length])):
            return english, length
    word = words[position]
    for end in range(len(word), stems.shortest - 1, -1):
        if english := stems.english.get(word[:end]):
            return english, 1
    return stems.english.get(word, ""), 1
